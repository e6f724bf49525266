package launch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

type kind int

const (
	null kind = iota
	scalar
	list
	mapping
)

func (k kind) String() string { return [...]string{"nothing", "a text", "a list", "a map"}[k] }

// value is one node of a YAML file together with where it stands. Values of two files can be merged and still say where
// each of their parts was written.
type value struct {
	at     Position
	kind   kind
	text   string            // of a scalar, as written
	items  []*value          // of a list
	keys   []string          // of a map, in the order written
	fields map[string]*value // of a map
}

// maxNodes bounds what aliases of aliases can blow up.
const maxNodes = 20_000

type parser struct {
	file     string
	nodes    int
	open     map[*yaml.Node]bool // anchors that an alias is being replaced by
	problems *Problems
}

// parse reads the one document of a YAML file. It returns nil where there is nothing to go on with.
func parse(file string, text []byte, problems *Problems) *value {
	p := &parser{file: file, open: map[*yaml.Node]bool{}, problems: problems}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		problems.add(Position{File: file}, "", "want a map of keys; got an empty file; write {} where nothing is to be said")
		return nil
	}
	if err != nil {
		p.broken(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		p.broken(err)
		return nil
	default:
		problems.add(p.at(&second), "", "want one YAML document; got a second one; remove the line ---")
		return nil
	}
	root := p.value(document.Content[0], "", p.at(document.Content[0]))
	if root.kind == mapping {
		return root
	}
	problems.add(Position{File: file, Line: root.at.Line}, "", "want a map of keys; got %s", root.kind)
	return nil
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// broken reports text that is not YAML, at the line that the YAML reader names.
func (p *parser) broken(err error) {
	at, message := Position{File: p.file}, strings.TrimPrefix(err.Error(), "yaml: ")
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		if line, err := strconv.Atoi(match[1]); err == nil {
			at.Line, message = line, strings.Replace(message, match[0], "", 1)
		}
	}
	p.problems.add(at, "", "want YAML; got text that is not: %s; look at this line and the next", message)
}

func (p *parser) at(n *yaml.Node) Position { return Position{File: p.file, Line: n.Line} }

// value turns a YAML node into a value. The position is the key's, so that a message points to the line a person looks for.
func (p *parser) value(n *yaml.Node, key string, at Position) *value {
	v := &value{at: at}
	if p.nodes++; p.nodes > maxNodes {
		if p.nodes == maxNodes+1 {
			p.problems.add(at, key, "want at most %d values; got more; are there aliases of aliases?", maxNodes)
		}
		return v
	}
	switch n.Kind {
	case yaml.AliasNode:
		return p.alias(n.Alias, key, at)
	case yaml.ScalarNode:
		p.scalar(v, n, key)
	case yaml.SequenceNode:
		v.kind = list
		for i, item := range n.Content {
			v.items = append(v.items, p.value(item, fmt.Sprintf("%s[%d]", key, i), p.at(item)))
		}
	case yaml.MappingNode:
		p.mapping(v, n, key)
	default:
		p.problems.add(at, key, "want a value; got an unknown kind of YAML node")
	}
	return v
}

func (p *parser) alias(anchor *yaml.Node, key string, at Position) *value {
	if p.open[anchor] {
		p.problems.add(at, key, "want a value; got an alias that contains itself; write the value out")
		return &value{at: at}
	}
	p.open[anchor] = true
	defer delete(p.open, anchor)
	return p.value(anchor, key, at)
}

func (p *parser) scalar(v *value, n *yaml.Node, key string) {
	switch tag := n.ShortTag(); tag {
	case "!!null":
		v.kind = null
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp":
		v.kind, v.text = scalar, n.Value
	default:
		v.kind, v.text = scalar, n.Value
		p.problems.add(v.at, key, "want a plain value; got the YAML tag %s; remove the tag", tag)
	}
}

func (p *parser) mapping(v *value, n *yaml.Node, key string) {
	v.kind, v.fields = mapping, map[string]*value{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, content := n.Content[i], n.Content[i+1]
		at := p.at(name)
		if name.Kind == yaml.AliasNode {
			name = name.Alias
		}
		switch path := join(key, name.Value); {
		case name.Kind == yaml.MappingNode && len(name.Content) > 0 && n.Style == yaml.FlowStyle:
			v.kind, v.text = scalar, "{{"+name.Content[0].Value+"}}" // an unquoted {{NAME}}, which is a map to YAML
			return
		case name.Kind != yaml.ScalarNode:
			p.problems.add(at, key, "want a text as key; got a list or a map")
		case name.ShortTag() == "!!merge":
			p.problems.add(at, path, "want the keys themselves; got a merge key; write them out, or use an alias for a whole value")
		case v.fields[name.Value] != nil:
			p.problems.add(at, path, "want each key once; got it again (first at line %d); keep one of the two", v.fields[name.Value].at.Line)
		default:
			v.keys = append(v.keys, name.Value)
			v.fields[name.Value] = p.value(content, path, at)
		}
	}
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// merge lays one value over another: maps key by key, while texts and lists are replaced. A null stays as a trace of
// where the key was removed, and counts as absent.
func merge(base, over *value) *value {
	if base.kind != mapping || over.kind != mapping {
		return over
	}
	merged := &value{at: base.at, kind: mapping, keys: base.keys[:len(base.keys):len(base.keys)], fields: map[string]*value{}}
	for name, field := range base.fields {
		merged.fields[name] = field
	}
	for _, name := range over.keys {
		if below := base.fields[name]; below != nil {
			merged.fields[name] = merge(below, over.fields[name])
			continue
		}
		merged.keys = append(merged.keys, name)
		merged.fields[name] = over.fields[name]
	}
	return merged
}
