// Prints a token for the contact that is named: ORQ_TOKEN_SECRET=… go run mint.go user_1. Needs golang-jwt.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func orqToken(userID string) (string, error) {
	now := time.Now().Unix()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": userID, "aud": "orq-identify", "iat": now, "exp": now + 300,
	})
	token.Header["typ"] = "orq-identify+jwt"
	token.Header["kid"] = "default"
	return token.SignedString([]byte(os.Getenv("ORQ_TOKEN_SECRET")))
}

func main() {
	token, err := orqToken(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token)
}
