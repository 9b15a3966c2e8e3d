// Grpc_dial connects to each NAME:PORT as grpc-go does, for at most LIMIT seconds.
package main

import (
	"context"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	limit, _ := time.ParseDuration(os.Getenv("LIMIT") + "s")
	within, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var all sync.WaitGroup
	for _, target := range os.Args[1:] {
		all.Add(1)
		go func() {
			defer all.Done()
			dial(within, target)
		}()
	}
	all.Wait()
}

func dial(within context.Context, target string) {
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	defer channel.Close()
	for state := channel.GetState(); state != connectivity.Ready; state = channel.GetState() {
		channel.Connect()
		if !channel.WaitForStateChange(within, state) {
			return
		}
	}
}
