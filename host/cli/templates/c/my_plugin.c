// The section that this plugin adds to the report.
//
// What is returned is freed afterwards by the bindings, so all of it comes from `malloc`: strings by `plugin_string_dup`.

#include <stdlib.h>
#include <string.h>

#include "plugin.h"

static const char *const wants[] = {"process", "facts:*"};

enum { WANTS = sizeof wants / sizeof wants[0] };

void exports_gmr_plugin_section_describe(exports_gmr_plugin_section_description_t *description) {
  plugin_string_dup(&description->title, "my_plugin");
  plugin_string_dup(&description->summary, "One sentence that says what the section shows");
  description->order = 0;
  plugin_string_dup(&description->version, "0.1.0");
  description->wants.ptr = calloc(WANTS, sizeof *description->wants.ptr);
  description->wants.len = WANTS;
  for (size_t i = 0; i < WANTS; i++) {
    plugin_string_dup(&description->wants.ptr[i], wants[i]);
  }
  // Settings are described here: the host checks them then, and fills in defaults. See wit/settings.wit.
  description->settings.is_some = true;
  description->settings.val.ptr = NULL;
  description->settings.val.len = 0;
}

// A grant that is missing is told as it came from the host.
static void denied(exports_gmr_plugin_section_failure_t *failure, gmr_plugin_grants_denial_t denial) {
  failure->tag = EXPORTS_GMR_PLUGIN_SECTION_FAILURE_DENIED;
  failure->val.denied = denial;
}

static void failed(exports_gmr_plugin_section_failure_t *failure, gmr_plugin_facts_fact_error_t error) {
  switch (error.tag) {
  case GMR_PLUGIN_FACTS_FACT_ERROR_DENIED:
    denied(failure, error.val.denied);
    return;
  case GMR_PLUGIN_FACTS_FACT_ERROR_FAILED:
    failure->val.other = error.val.failed;
    break;
  default:
    plugin_string_dup(&failure->val.other, "a fact is not to be had");
  }
  failure->tag = EXPORTS_GMR_PLUGIN_SECTION_FAILURE_OTHER;
}

// Makes room for more fields at the end of a list.
static gmr_plugin_document_field_t *grow(gmr_plugin_document_list_field_t *fields, size_t more) {
  fields->ptr = realloc(fields->ptr, (fields->len + more) * sizeof *fields->ptr);
  if (fields->ptr == NULL) {
    abort();
  }
  gmr_plugin_document_field_t *added = fields->ptr + fields->len;
  fields->len += more;
  return added;
}

bool exports_gmr_plugin_section_render(
    exports_gmr_plugin_section_request_t *request,
    exports_gmr_plugin_section_list_block_t *blocks,
    exports_gmr_plugin_section_failure_t *failure
) {
  (void)request;
  gmr_plugin_document_list_field_t fields = {NULL, 0};

  gmr_plugin_process_memory_figures_t memory;
  gmr_plugin_process_denial_t denial;
  if (!gmr_plugin_process_memory(&memory, &denial)) {
    denied(failure, denial);
    return false;
  }
  if (memory.resident.is_some) {
    gmr_plugin_document_field_t *field = grow(&fields, 1);
    plugin_string_dup(&field->key, "resident");
    field->value.tag = GMR_PLUGIN_DOCUMENT_VALUE_BYTES;
    field->value.val.bytes = memory.resident.val;
  }

  plugin_list_string_t names;
  gmr_plugin_facts_names(&names);
  for (size_t i = 0; i < names.len; i++) {
    gmr_plugin_facts_list_field_t fact;
    gmr_plugin_facts_fact_error_t error;
    if (!gmr_plugin_facts_read(&names.ptr[i], &fact, &error)) {
      failed(failure, error);
      return false;
    }
    if (fact.len > 0) {
      memcpy(grow(&fields, fact.len), fact.ptr, fact.len * sizeof *fact.ptr);
    }
  }

  blocks->ptr = calloc(1, sizeof *blocks->ptr);
  blocks->len = 1;
  blocks->ptr[0].tag = GMR_PLUGIN_DOCUMENT_BLOCK_FIELDS;
  blocks->ptr[0].val.fields = fields;
  return true;
}
