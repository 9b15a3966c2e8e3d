// Order prints, for each name on standard input, the addresses in the order of Go's own resolver. It asks as net.Dial
// does: LookupHost would give the lines of a hosts file unsorted.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
)

func main() {
	resolver := net.Resolver{PreferGo: true}
	names := bufio.NewScanner(os.Stdin)
	for names.Scan() {
		found, err := resolver.LookupIPAddr(context.Background(), names.Text())
		if err != nil {
			panic(err)
		}
		texts := make([]string, len(found))
		for i, address := range found {
			texts[i] = address.String()
		}
		fmt.Println(strings.Join(texts, " "))
	}
}
