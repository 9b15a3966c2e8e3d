// relay FD=ADDRESS ...: what is accepted on an inherited socket goes to the address.
//
// The socket listens in the network namespace that made it, the address is dialled in that of this process.
package main

import (
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
)

func main() {
	for _, word := range os.Args[1:] {
		fd, address, _ := strings.Cut(word, "=")
		number, err := strconv.Atoi(fd)
		if err != nil {
			log.Fatal(err)
		}
		listener, err := net.FileListener(os.NewFile(uintptr(number), fd))
		if err != nil {
			log.Fatal(err)
		}
		go serve(listener, address)
	}
	select {}
}

func serve(listener net.Listener, address string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				return
			}
			go pour(server, client)
			pour(client, server)
		}()
	}
}

func pour(to, from net.Conn) {
	io.Copy(to, from)
	to.(*net.TCPConn).CloseWrite()
	from.(*net.TCPConn).CloseRead()
}
