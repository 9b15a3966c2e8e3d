// Binds HOST:PORT, PORT+1, … by the network and call given and says what became of each; ends with its input.
// Where PORT is -, each HOST is a whole address.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

func bind(network, call, address string) error {
	if call == "resolve" {
		resolved, err := net.ResolveUDPAddr(network, address)
		if err == nil {
			_, err = net.ListenUDP(network, resolved)
		}
		return err
	}
	config := net.ListenConfig{}
	if strings.HasPrefix(network, "udp") {
		_, err := config.ListenPacket(context.Background(), network, address)
		return err
	}
	_, err := config.Listen(context.Background(), network, address)
	return err
}

func main() {
	port, whole := strconv.Atoi(os.Args[3])
	for i, host := range os.Args[4:] {
		address := host
		if whole == nil {
			address = fmt.Sprintf("%s:%d", host, port+i)
		}
		if err := bind(os.Args[1], os.Args[2], address); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("ok")
		}
	}
	io.Copy(io.Discard, os.Stdin)
}
