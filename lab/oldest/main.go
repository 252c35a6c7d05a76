// oldest runs the validation of the oldest Kubernetes that we promise (its version is that of apiextensions-apiserver in
// go.mod) on definitions of custom resources: would its API server take them?
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: oldest DEFINITIONS.yaml")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	taken, refused := check(text)
	for _, why := range refused {
		fmt.Println(why)
	}
	fmt.Printf("%d definitions taken, %d reasons to refuse\n", taken, len(refused))
	if len(refused) > 0 || taken == 0 {
		os.Exit(1)
	}
}

// check counts the definitions in a text that are taken, and says why others are not.
func check(text []byte) (taken int, refused []string) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if err == io.EOF {
			return taken, refused
		}
		var anything map[string]any
		// Comments are no definition.
		if err == nil && yaml.Unmarshal(document, &anything) == nil && anything == nil {
			continue
		}
		var written v1.CustomResourceDefinition
		var definition apiextensions.CustomResourceDefinition
		if err == nil {
			err = yaml.UnmarshalStrict(document, &written)
		}
		if err == nil {
			scheme.Default(&written)
			err = scheme.Convert(&written, &definition, nil)
		}
		if err != nil {
			return taken, append(refused, err.Error())
		}
		if len(written.Spec.Versions) == 0 {
			return taken, append(refused, fmt.Sprintf("%s %q is no definition", written.Kind, written.Name))
		}
		// What the server itself adds before it validates (pkg/registry/customresourcedefinition, PrepareForCreate).
		definition.Status.StoredVersions = []string{written.Spec.Versions[0].Name}
		errors := validation.ValidateCustomResourceDefinition(context.Background(), &definition)
		for _, err := range errors {
			refused = append(refused, fmt.Sprintf("%s: %s", written.Name, err))
		}
		if len(errors) == 0 {
			taken++
		}
	}
}
