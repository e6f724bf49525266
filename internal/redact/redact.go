// Package redact keeps secret values out of every output. Values are registered once, when they are read; every writer
// of the suite (test log, evidence, reports, terminal) passes its text through here before it is encoded. The registry
// is the process's own on purpose: a secret must be caught wherever it surfaces, whoever prints it.
package redact
