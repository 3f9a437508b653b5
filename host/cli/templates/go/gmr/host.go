package gmr

import (
	"errors"
	"runtime"
	"unsafe"
)

//go:wasmimport gmr:plugin/facts@0.1.0 names
func factNames(result unsafe.Pointer)

//go:wasmimport gmr:plugin/facts@0.1.0 read
func factRead(name unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport gmr:plugin/files@0.1.0 read
func filesRead(path unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport gmr:plugin/process@0.1.0 memory
func processMemory(result unsafe.Pointer)

//go:wasmimport gmr:plugin/settings@0.1.0 json
func settingsJSON(result unsafe.Pointer)

//go:wasmimport gmr:plugin/diagnostics@0.1.0 print
func diagnosticsPrint(line unsafe.Pointer, length uint32)

// FactNames returns the names of the facts that the grants show.
func FactNames() []string {
	var result list
	factNames(unsafe.Pointer(&result))
	var names []string
	for _, name := range itemsOf[list](result) {
		names = append(names, name.String())
	}
	return names
}

// answer is a result of a list, or a kind of error and what belongs to it: a denial or a text.
type answer struct {
	isError uint8
	payload [5]uint32
}

func (from *answer) denial() Denial {
	return Denial{list{from.payload[1], from.payload[2]}.String(), list{from.payload[3], from.payload[4]}.String()}
}

// Fact returns a fact's values.
func Fact(name string) ([]Field, error) {
	var result answer
	factRead(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(&result))
	runtime.KeepAlive(name)
	payload := result.payload
	if result.isError == 0 {
		return itemsOf[Field](list{payload[0], payload[1]}), nil
	}
	// The cases of `fact-error` in facts.wit.
	switch payload[0] & 0xff {
	case 0:
		return nil, result.denial()
	case 1:
		return nil, Unavailable("there is no fact " + name)
	case 2:
		return nil, errors.New(name + ": " + list{payload[1], payload[2]}.String())
	case 3:
		return nil, errors.New(name + ": the application has not answered")
	default:
		return nil, errors.New(name + ": it is too large")
	}
}

// ReadFile returns a file's content. It needs the grant `read:` with the file's path or that of a directory above it.
func ReadFile(path string) ([]byte, error) {
	var result answer
	filesRead(unsafe.Pointer(unsafe.StringData(path)), uint32(len(path)), unsafe.Pointer(&result))
	runtime.KeepAlive(path)
	payload := result.payload
	if result.isError == 0 {
		return itemsOf[byte](list{payload[0], payload[1]}), nil
	}
	// The cases of `file-error` in files.wit.
	switch payload[0] & 0xff {
	case 0:
		return nil, result.denial()
	case 1:
		return nil, Unavailable("there is no file " + path)
	case 2:
		return nil, errors.New(path + ": it is no file")
	case 3:
		return nil, errors.New(path + ": it is too large")
	default:
		return nil, errors.New(path + ": " + list{payload[1], payload[2]}.String())
	}
}

// Resident returns how much memory the process has, in bytes, where that is known.
func Resident() (size uint64, known bool, err error) {
	// process.wit: `result<memory-figures, denial>`; the figures begin with `resident`, and there are 184 bytes of them.
	var result struct {
		isError uint8
		payload [23]uint64
	}
	processMemory(unsafe.Pointer(&result))
	if result.isError == 0 {
		return result.payload[1], result.payload[0]&0xff == 1, nil
	}
	denial := (*[2]list)(unsafe.Pointer(&result.payload))
	return 0, false, Denial{denial[0].String(), denial[1].String()}
}

// Settings returns the table that the application has set for the plugin, as a JSON object. See Description.TakesSettings.
func Settings() string {
	var result list
	settingsJSON(unsafe.Pointer(&result))
	return result.String()
}

// Log adds a line to what the host shows of the plugin if its section fails.
func Log(line string) {
	diagnosticsPrint(unsafe.Pointer(unsafe.StringData(line)), uint32(len(line)))
	runtime.KeepAlive(line)
}
