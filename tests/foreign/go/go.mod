module example.com/function

go 1.19

require github.com/aws/aws-lambda-go v1.49.0
