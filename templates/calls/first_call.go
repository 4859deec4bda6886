package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
)

func main() {
	form := url.Values{"grant_type": {"client_credentials"}}.Encode()
	request, err := http.NewRequest("POST", "ISSUER_URL/authorization/token", strings.NewReader(form))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("APP_KEY", "APP_SECRET")
	var granted struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.Unmarshal(send(request), &granted); err != nil {
		log.Fatal(err)
	}
	if granted.Token == "" {
		log.Fatal(granted.Error)
	}

	request, err = http.NewRequest("GET", "API_URL", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+granted.Token)
	fmt.Println(string(send(request)))
}

func send(request *http.Request) []byte {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	log.Print(answer.Status)
	return body
}
