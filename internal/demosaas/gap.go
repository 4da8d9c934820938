package main

import "context"

func gaps(context.Context, options) error { return nil }
