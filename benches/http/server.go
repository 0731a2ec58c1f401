// The server of gokrb5: one page for users with a ticket, without TLS and with TLS.
//
//	server KEYTAB PORT TLS-PORT CERTIFICATE KEY
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/jcmturner/goidentity/v6"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "Hello %s\n", goidentity.FromHTTPRequestContext(r).UserName())
}

func main() {
	keys, err := keytab.Load(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/hello", spnego.SPNEGOKRB5Authenticate(http.HandlerFunc(hello), keys))
	go func() { log.Fatal(http.ListenAndServeTLS("127.0.0.1:"+os.Args[3], os.Args[4], os.Args[5], nil)) }()
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], nil))
}
