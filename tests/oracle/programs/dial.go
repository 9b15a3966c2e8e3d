// Dial asks each NAME:PORT for a page, as net/http does, for at most LIMIT seconds.
package main

import (
	"net/http"
	"os"
	"sync"
	"time"
)

func main() {
	limit, _ := time.ParseDuration(os.Getenv("LIMIT") + "s")
	client := http.Client{Timeout: limit}
	var all sync.WaitGroup
	for _, target := range os.Args[1:] {
		all.Add(1)
		go func() {
			defer all.Done()
			if answer, err := client.Get("http://" + target + "/"); err == nil {
				answer.Body.Close()
			}
		}()
	}
	all.Wait()
}
