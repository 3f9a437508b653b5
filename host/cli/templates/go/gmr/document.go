// Package gmr is what a plugin in Go is written with: the part of the interface in wit/ that most plugins need. Go's own
// generator of bindings makes the rest of it (see README.md).
//
// The types of values, fields and blocks lie in memory as the canonical ABI of the component model has them, so that they
// need no translation. Pointers are 32 bits there and 64 in Go: what they lead to is kept alive by a list, and is gone
// with the instance, which serves one call.
package gmr

import (
	"math"
	"unsafe"
)

// alive is what only a number leads to.
var alive []any

func keep[T any](items []T) list {
	if len(items) == 0 {
		// No address, but aligned for everything.
		return list{8, 0}
	}
	alive = append(alive, items)
	return list{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(items)))), uint32(len(items))}
}

// list is a list or a string: address and length.
type list struct{ address, length uint32 }

func text(words string) list { return keep([]byte(words)) }

func texts(words []string) list {
	lists := make([]list, 0, len(words))
	for _, word := range words {
		lists = append(lists, text(word))
	}
	return keep(lists)
}

func itemsOf[T any](from list) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(uintptr(from.address))), from.length)
}

func (from list) String() string { return string(itemsOf[byte](from)) }

// Value is one value; each renderer prints it its own way.
type Value struct {
	kind    uint8
	payload [2]uint64
}

func valueOf(kind uint8, payload uint64) Value { return Value{kind, [2]uint64{payload, 0}} }

// Text is words.
func Text(words string) Value {
	at := text(words)
	return valueOf(0, uint64(at.address)|uint64(at.length)<<32)
}

// Integer is a whole number.
func Integer(number int64) Value { return valueOf(1, uint64(number)) }

// Number is a number, whole or not.
func Number(number float64) Value { return valueOf(2, math.Float64bits(number)) }

// Bytes is a size in bytes.
func Bytes(size uint64) Value { return valueOf(3, size) }

// Duration is a length of time in nanoseconds.
func Duration(nanoseconds uint64) Value { return valueOf(4, nanoseconds) }

// Address is an address in memory.
func Address(address uint64) Value { return valueOf(6, address) }

// Flag is yes or no.
func Flag(is bool) Value {
	if is {
		return valueOf(7, 1)
	}
	return valueOf(7, 0)
}

// None is nothing, known to be nothing.
func None() Value { return valueOf(9, 0) }

// Field is a named value.
type Field struct {
	key   list
	value Value
}

// NewField names a value.
func NewField(key string, value Value) Field { return Field{text(key), value} }

// Key is its name.
func (field Field) Key() string { return field.key.String() }

// Block is a piece of the section.
type Block struct {
	kind    uint32
	payload [15]uint32
}

func blockOf(kind uint32, payload ...uint32) Block {
	block := Block{kind: kind}
	copy(block.payload[:], payload)
	return block
}

// Heading is a heading within the section, of level 1 to 3.
func Heading(level uint8, words string) Block {
	at := text(words)
	return blockOf(0, uint32(level), at.address, at.length)
}

// Paragraph is running text.
func Paragraph(words string) Block {
	at := text(words)
	return blockOf(1, at.address, at.length)
}

// Fields is named values, in the order in which they are shown.
func Fields(fields []Field) Block {
	at := keep(fields)
	return blockOf(2, at.address, at.length)
}

// Table is rows under column titles.
func Table(columns []string, rows [][]Value) Block {
	lists := make([]list, 0, len(rows))
	for _, row := range rows {
		lists = append(lists, keep(row))
	}
	titles, at := texts(columns), keep(lists)
	return blockOf(3, titles.address, titles.length, at.address, at.length)
}

// Preformatted is text whose layout is kept.
func Preformatted(words string) Block {
	at := text(words)
	return blockOf(6, at.address, at.length)
}

// Remark is what deserves a look first, in one line: it stands at the top of the report.
func Remark(words string) Block {
	at := text(words)
	return blockOf(7, at.address, at.length)
}
