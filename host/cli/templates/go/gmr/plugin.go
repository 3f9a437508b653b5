package gmr

import "unsafe"

// Description is what a plugin says of itself; section.wit tells more.
type Description struct {
	// Title is what people read above the section.
	Title string
	// Summary says what the section shows, in one sentence.
	Summary string
	// Order is where the section stands among those of plugins: lowest first.
	Order int32
	// Version is the plugin's own.
	Version string
	// Wants are the grants without which the section is poorer.
	Wants []string
	// TakesSettings passes on whatever the application sets for the plugin, which Settings then returns. Without it, the
	// host refuses every setting.
	TakesSettings bool
}

// Request is what the host asks for; section.wit tells of each item.
type Request struct {
	Plugin, Service, Version, Host string
	Process                        uint32
	TriggerKind, TriggerDetail     string
	Deadline                       uint64
	MaxBlocks                      uint32
	MaxBytes                       uint64
}

// Denial is a grant that is missing, as an error.
type Denial struct{ Grant, Advice string }

func (denial Denial) Error() string { return denial.Grant + ": " + denial.Advice }

// Unavailable is the error of a plugin whose subject does not exist here: no control group, no such fact.
type Unavailable string

func (reason Unavailable) Error() string { return string(reason) }

var (
	described   description
	rendered    result
	made        Description
	makeSection func(Request) ([]Block, error)
)

// Plugin registers the plugin; call it in init.
func Plugin(description Description, render func(Request) ([]Block, error)) {
	made, makeSection = description, render
}

type description struct {
	title, summary list
	order          int32
	version, wants list
	hasSettings    uint32
	settings       list
}

type request struct {
	plugin, service, version, host list
	process                        uint32
	uptime                         [2]uint64
	time                           [2]uint64
	kind, detail                   list
	count                          uint32
	deadline                       uint64
	maxBlocks                      uint32
	maxBytes                       uint64
}

type result struct {
	isFailure uint32
	payload   [5]uint32
}

// The host's allocations in this memory: arguments and results of calls.
//
//go:wasmexport cabi_realloc
func reallocate(old unsafe.Pointer, oldSize, alignment, size uint32) unsafe.Pointer {
	// Of 8-byte words, since that is the greatest alignment.
	words := make([]uint64, (size+7)/8+1)
	alive = append(alive, words)
	memory := unsafe.Pointer(unsafe.SliceData(words))
	copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	return memory
}

//go:wasmexport gmr:plugin/section@0.1.0#describe
func exportDescribe() unsafe.Pointer {
	described = description{
		title: text(made.Title), summary: text(made.Summary), order: made.Order,
		version: text(made.Version), wants: texts(made.Wants),
	}
	if !made.TakesSettings {
		described.hasSettings, described.settings = 1, keep([]byte(nil))
	}
	return unsafe.Pointer(&described)
}

//go:wasmexport gmr:plugin/section@0.1.0#render
func exportRender(asked unsafe.Pointer) unsafe.Pointer {
	from := (*request)(asked)
	blocks, err := makeSection(Request{
		Plugin: from.plugin.String(), Service: from.service.String(), Version: from.version.String(),
		Host: from.host.String(), Process: from.process,
		TriggerKind: from.kind.String(), TriggerDetail: from.detail.String(),
		Deadline: from.deadline, MaxBlocks: from.maxBlocks, MaxBytes: from.maxBytes,
	})
	if err != nil {
		rendered = failure(err)
		return unsafe.Pointer(&rendered)
	}
	at := keep(blocks)
	rendered = result{payload: [5]uint32{at.address, at.length}}
	return unsafe.Pointer(&rendered)
}

func failure(err error) result {
	kind, words := uint32(3), text(err.Error())
	switch err := err.(type) {
	case Denial:
		grant, advice := text(err.Grant), text(err.Advice)
		return result{1, [5]uint32{0, grant.address, grant.length, advice.address, advice.length}}
	case Unavailable:
		kind = 1
	}
	return result{1, [5]uint32{kind, words.address, words.length}}
}
