// Says of each line of its input, a form and a text, whether Go can tell host and port of it: `ok`, or its error.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

func read(form, text string) error {
	place := text
	if form == "url" {
		found, err := url.Parse(text)
		if err != nil {
			return err
		}
		place = found.Host
		if found.Port() == "" {
			return nil
		}
	} else {
		for _, scheme := range []string{"http://", "https://", "dns:///", "dns:"} {
			place = strings.TrimPrefix(place, scheme)
		}
	}
	_, port, err := net.SplitHostPort(place)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	if number < 1 || number > 65535 {
		return fmt.Errorf("invalid port %d", number)
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		form, text, _ := strings.Cut(lines.Text(), "\t")
		if err := read(form, text); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok")
		}
	}
}
