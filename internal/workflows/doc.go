// Package workflows tests the workflows in .github: what they must all observe, and, with act, what they do when they are
// run for real against a sandbox. It has nothing else in it, so that CI can select these slow tests by their folder.
package workflows
