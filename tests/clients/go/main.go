// Go's x/oauth2: a token by client credentials, its refresh, and a call with it.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func main() {
	ctx := context.Background()
	endpoint := os.Getenv("ISSUER") + "/authorization/token"
	// The style of authentication is left to the library, which finds out by trying.
	credentials := clientcredentials.Config{
		ClientID:     os.Getenv("APP_KEY"),
		ClientSecret: os.Getenv("APP_SECRET"),
		TokenURL:     endpoint,
		Scopes:       []string{"orders.read"},
	}
	first, err := credentials.Token(ctx)
	check(err)
	// clientcredentials drops the refresh token's use; the general client has it.
	expired := *first
	expired.Expiry = time.Now().Add(-time.Hour)
	general := oauth2.Config{
		ClientID:     credentials.ClientID,
		ClientSecret: credentials.ClientSecret,
		Endpoint:     oauth2.Endpoint{TokenURL: endpoint},
	}
	second, err := general.TokenSource(ctx, &expired).Token()
	check(err)
	request, err := http.NewRequest(http.MethodGet, os.Getenv("RESOURCE"), nil)
	check(err)
	answer, err := oauth2.NewClient(ctx, oauth2.StaticTokenSource(second)).Do(request)
	check(err)
	defer answer.Body.Close()
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"status":    answer.StatusCode,
		"scope":     second.Extra("scope"),
		"refreshed": second.AccessToken != first.AccessToken,
	}))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
