// Dial connects to an address as net/http does and prints the peer's address.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	connection, err := net.Dial("tcp", os.Args[1])
	if err != nil {
		fmt.Println("-")
		return
	}
	fmt.Println(connection.RemoteAddr().(*net.TCPAddr).IP)
}
