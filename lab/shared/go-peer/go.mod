module interop

go 1.24

require (
	github.com/Azure/azure-sdk-for-go/sdk/azcore v1.17.1
	github.com/youscan/go-azuremutex v0.4.0
)

require (
	github.com/Azure/azure-sdk-for-go/sdk/internal v1.10.0 // indirect
	github.com/Azure/azure-sdk-for-go/sdk/storage/azblob v1.6.0 // indirect
	golang.org/x/net v0.37.0 // indirect
	golang.org/x/text v0.23.0 // indirect
)
