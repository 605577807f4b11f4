// pstestd is Google's in-memory Pub/Sub (pstest) behind real gRPC on a port of this machine.
//
// It prints its address on one line. Lines on its standard input set the faults of every Publish that follows and are
// answered with "ok": `before P` (UNAVAILABLE, not stored, with probability P), `after P` (stored, but the answer is
// UNAVAILABLE), `delay DURATION` (as Go writes it: 50ms). It ends when its standard input ends.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/pstest"
	pb "google.golang.org/genproto/googleapis/pubsub/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type faults struct {
	sync.Mutex
	before, after float64
	delay         time.Duration
}

func (f *faults) set(line string) error {
	words := strings.Fields(line)
	if len(words) != 2 {
		return fmt.Errorf("two words expected: %q", line)
	}
	f.Lock()
	defer f.Unlock()
	var err error
	switch words[0] {
	case "before":
		f.before, err = strconv.ParseFloat(words[1], 64)
	case "after":
		f.after, err = strconv.ParseFloat(words[1], 64)
	case "delay":
		f.delay, err = time.ParseDuration(words[1])
	default:
		err = fmt.Errorf("unknown fault: %q", words[0])
	}
	return err
}

func (f *faults) get() (before, after float64, delay time.Duration) {
	f.Lock()
	defer f.Unlock()
	return f.before, f.after, f.delay
}

func (f *faults) intercept(
	ctx context.Context, request interface{}, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (interface{}, error) {
	if !strings.HasSuffix(info.FullMethod, "/Publish") {
		return handle(ctx, request)
	}
	before, after, delay := f.get()
	time.Sleep(delay)
	if rand.Float64() < before {
		return nil, status.Error(codes.Unavailable, "injected before storing")
	}
	answer, err := handle(ctx, request)
	if err == nil && rand.Float64() < after {
		return nil, status.Error(codes.Unavailable, "injected after storing")
	}
	return answer, err
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	injected := &faults{}
	core := pstest.NewServer()
	server := grpc.NewServer(grpc.UnaryInterceptor(injected.intercept))
	pb.RegisterPublisherServer(server, &core.GServer)
	pb.RegisterSubscriberServer(server, &core.GServer)
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().String())
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			if err := injected.set(lines.Text()); err != nil {
				fmt.Println("error:", err)
			} else {
				fmt.Println("ok")
			}
		}
		server.Stop()
		core.Close()
		os.Exit(0)
	}()
	_ = server.Serve(listener)
}
