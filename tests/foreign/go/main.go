// SPDX-License-Identifier: Apache-2.0

// A Lambda function in Go as its authors write them: it counts the records of an S3 event and says
// what Lambda told it.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type answer struct {
	Records   int    `json:"records"`
	RequestID string `json:"request_id"`
	Function  string `json:"function"`
	InTime    bool   `json:"in_time"`
}

func handle(ctx context.Context, event events.S3Event) (answer, error) {
	if len(event.Records) == 0 {
		return answer{}, errors.New("no records")
	}
	about, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return answer{len(event.Records), about.AwsRequestID, lambdacontext.FunctionName, time.Now().Before(deadline)}, nil
}

func main() {
	lambda.Start(handle)
}
