package graphql

import "fmt"

// Object is a vendor's object: every field that its type has, by name. A value
// is a scalar, nil, an Object, a []Object or a Resolver.
type Object map[string]any

// Resolver works a field out when it is selected.
type Resolver func(args map[string]any) (any, error)

// Error is one entry of an answer's errors.
type Error struct {
	Message    string         `json:"message"`
	Path       []string       `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// Answer is the body that GraphQL servers reply with.
type Answer struct {
	Data   map[string]any `json:"data,omitempty"`
	Errors []Error        `json:"errors,omitempty"`
}

// Execute answers an operation from the fields of a root object. A field that
// fails is null and has an entry in the errors; the others are answered.
func Execute(op Operation, root Object) Answer {
	a := Answer{Data: map[string]any{}}
	for _, f := range op.Fields {
		v, err := resolve(f, root)
		if err != nil {
			a.Errors = append(a.Errors, entry(err, f.Alias))
		}
		a.Data[f.Alias] = v
	}
	return a
}

func entry(err error, alias string) Error {
	e, ok := err.(*Error)
	if !ok {
		e = &Error{Message: err.Error()}
	}
	return Error{Message: e.Message, Path: []string{alias}, Extensions: e.Extensions}
}

func resolve(f Field, in Object) (any, error) {
	v, known := in[f.Name]
	if !known {
		return nil, fmt.Errorf("Field '%s' doesn't exist here", f.Name)
	}
	if r, ok := v.(Resolver); ok {
		got, err := r(f.Args)
		if err != nil {
			return nil, err
		}
		v = got
	}
	return project(f, v)
}

// project keeps what is selected of a value.
func project(f Field, v any) (any, error) {
	switch v := v.(type) {
	case Object:
		return selected(f, v)
	case []Object:
		list := make([]any, 0, len(v))
		for _, o := range v {
			got, err := selected(f, o)
			if err != nil {
				return nil, err
			}
			list = append(list, got)
		}
		return list, nil
	default:
		if v != nil && len(f.Fields) > 0 {
			return nil, fmt.Errorf("Selections can't be made on scalars (field '%s')", f.Name)
		}
		return v, nil
	}
}

func selected(f Field, o Object) (any, error) {
	if o == nil {
		return nil, nil
	}
	if len(f.Fields) == 0 {
		return nil, fmt.Errorf("Field '%s' must have selections", f.Name)
	}
	got := make(map[string]any, len(f.Fields))
	for _, sub := range f.Fields {
		v, err := resolve(sub, o)
		if err != nil {
			return nil, err
		}
		got[sub.Alias] = v
	}
	return got, nil
}
