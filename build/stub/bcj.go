//go:build linux || windows

package main

import "encoding/binary"

// The inverse of build/formats/bcj.ts, which says what the filters do.

// unfilter turns absolute targets back into relative ones, in place. bytes
// begins at position of the frame; it returns how many bytes are done, the
// rest has to come again with what follows, except at the end of the frame.
type unfilter func(bytes []byte, position uint32, isLast bool) int

var unfilters = map[string]unfilter{"none": unfilterNone, "bcj-x86": unfilterX86, "bcj-arm64": unfilterArm64}

func unfilterNone(bytes []byte, _ uint32, _ bool) int { return len(bytes) }

func unfilterX86(bytes []byte, position uint32, isLast bool) int {
	at, size := 0, len(bytes)
	for at < size {
		if !isLast && at+7 > size {
			return at
		}
		switch c := bytes[at]; {
		case c&0xfe == 0xe8 && at+5 <= size:
			relativeX86(bytes[at+1:], position+uint32(at)+5)
			at += 5
		case c&0xf8 == 0x48 && at+7 <= size && bytes[at+2]&0xc7 == 5 && addressesX86[bytes[at+1]]:
			relativeX86(bytes[at+3:], position+uint32(at)+7)
			at += 7
		default:
			at++
		}
	}
	return size
}

var addressesX86 = [256]bool{0x03: true, 0x39: true, 0x3b: true, 0x89: true, 0x8b: true, 0x8d: true}

func relativeX86(operand []byte, next uint32) {
	value := int32(binary.LittleEndian.Uint32(operand))
	if value<<5>>5 == value {
		binary.LittleEndian.PutUint32(operand, uint32((value-int32(next))<<5>>5))
	}
}

func unfilterArm64(bytes []byte, position uint32, isLast bool) int {
	at := 0
	for ; at+4 <= len(bytes); at += 4 {
		word := binary.LittleEndian.Uint32(bytes[at:])
		here := position + uint32(at)
		switch {
		case word>>26 == 0x25: // BL
			word = 0x25<<26 | (word-here>>2)&0x3ffffff
		case word&0x9f000000 == 0x90000000: // ADRP
			page := (word>>29&3 | word>>3&0x1ffffc) - here>>12
			word = word&0x9f00001f | page&3<<29 | page>>2&0x7ffff<<5
		default:
			continue
		}
		binary.LittleEndian.PutUint32(bytes[at:], word)
	}
	if isLast {
		return len(bytes)
	}
	return at
}
