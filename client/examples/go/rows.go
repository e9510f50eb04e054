// Throng from Go: five rows of a dataset.
//
//	go run . ADDRESS     as unix:/run/throng/throngd.sock or localhost:7447
//
// THRONG_CACERT and THRONG_TOKEN_FILE: TLS, and who we are.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	throng "example/throng/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	ctx, security := context.Background(), insecure.NewCredentials()
	if file := os.Getenv("THRONG_CACERT"); file != "" {
		security = must(credentials.NewClientTLSFromFile(file, ""))
	}
	if file := os.Getenv("THRONG_TOKEN_FILE"); file != "" {
		token := strings.TrimSpace(string(must(os.ReadFile(file))))
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	channel := must(grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(security)))
	defer channel.Close()
	five := int64(5)
	source := &throng.SpecSource{Layers: []*throng.SpecLayer{
		{Name: "rows.go", Text: "dataset: {size: quick, seed: 7}"}}}
	rows := must(throng.NewGenerationServiceClient(channel).Generate(ctx, &throng.GenerateRequest{
		Dataset: &throng.GenerateRequest_Source{Source: source}, RowLimit: &five}))
	var prefixes *throng.GenerateHeader
	for response, err := rows.Recv(); err != io.EOF; response, err = rows.Recv() {
		if header := must(response, err).GetHeader(); header != nil {
			prefixes = header // in the first message
		}
		batch := response.GetBatch()
		for i, user := range batch.GetUserNumbers() {
			at := time.UnixMilli(batch.TimestampMs[i]).UTC()
			fmt.Printf("%s%d %s%d %g %s\n", prefixes.UserPrefix, user, prefixes.ItemPrefix,
				batch.ItemNumbers[i], float64(batch.RatingHundredths[i])/100, at.Format(time.RFC3339))
		}
	}
}
