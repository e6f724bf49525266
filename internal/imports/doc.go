// Package imports has no code: its test keeps the direction in which the suite's packages import each other.
package imports
