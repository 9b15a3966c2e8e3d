// NETWORK CALL PORT HOST…: binds HOST:PORT, HOST:PORT+1, … and says what became of each; datagrams are sent back.
// CALL: listen for net.ListenConfig, resolve for net.ResolveUDPAddr and net.ListenUDP. Where PORT is -, each HOST is a
// whole address. Ends with its input.
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
	if !strings.HasPrefix(network, "udp") {
		_, err := (&net.ListenConfig{}).Listen(context.Background(), network, address)
		return err
	}
	socket, err := packets(network, call, address)
	if err == nil {
		go echo(socket)
	}
	return err
}

func packets(network, call, address string) (net.PacketConn, error) {
	if call == "listen" {
		return (&net.ListenConfig{}).ListenPacket(context.Background(), network, address)
	}
	resolved, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP(network, resolved)
}

func echo(socket net.PacketConn) {
	buffer := make([]byte, 64)
	for {
		size, peer, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		socket.WriteTo(buffer[:size], peer)
	}
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
