// What requests and answers look like, as JSON Schema: the components of the OpenAPI document. Bodies of requests are
// made from the structs that read them.

#include <string_view>

#include "core/model/json_text.hpp"
#include "triggers/http/api/bodies.hpp"
#include "triggers/http/api/openapi.hpp"
#include "triggers/http/api/worker_bodies.hpp"

namespace coremachine::http {
namespace {

constexpr std::string_view job_schemas = R"json({
"Object": {"type": "object"},
"Text": {"type": "string"},
"Time": {"type": "string", "format": "date-time", "description": "UTC, with milliseconds"},
"TimeOrNull": {"oneOf": [{"$ref": "#/components/schemas/Time"}, {"type": "null"}]},
"Params": {"type": "object", "description": "what the job type's params_schema says"},
"JobStatus": {"type": "string", "enum": ["scheduled", "queued", "running", "paused", "cancelling", "completed",
  "completed_with_errors", "failed", "dead", "cancelled"]},
"TaskStatus": {"type": "string", "enum": ["queued", "running", "retrying", "completed", "failed", "dead", "cancelled"]},
"StageStatus": {"type": "string", "enum": ["running", "completed", "completed_with_errors", "failed", "cancelled"]},
"TaskCounts": {"type": "object",
  "required": ["total", "queued", "running", "retrying", "completed", "failed", "dead", "cancelled"],
  "properties": {
    "total": {"type": "integer"}, "queued": {"type": "integer"}, "running": {"type": "integer"},
    "retrying": {"type": "integer"}, "completed": {"type": "integer"}, "failed": {"type": "integer"},
    "dead": {"type": "integer"}, "cancelled": {"type": "integer"}}},
"JobError": {"type": "object", "description": "the first cause, not a consequence",
  "required": ["code", "message", "stage", "task_index", "task_type", "attempt"],
  "properties": {
    "code": {"type": "string"}, "message": {"type": "string"}, "stage": {"type": ["integer", "null"]},
    "task_index": {"type": ["integer", "null"]}, "task_type": {"type": ["string", "null"]},
    "attempt": {"type": ["integer", "null"]}}},
"JobErrorOrNull": {"oneOf": [{"$ref": "#/components/schemas/JobError"}, {"type": "null"}]},
"Stage": {"type": "object", "required": ["stage", "round", "status", "tasks", "started_at", "finished_at"],
  "properties": {
    "stage": {"type": "integer"}, "round": {"type": "integer"},
    "status": {"$ref": "#/components/schemas/StageStatus"},
    "result": {"description": "none in lists, unless expanded"},
    "tasks": {"$ref": "#/components/schemas/TaskCounts"},
    "started_at": {"$ref": "#/components/schemas/TimeOrNull"},
    "finished_at": {"$ref": "#/components/schemas/TimeOrNull"}}},
"Job": {"type": "object",
  "required": ["job_id", "job_type", "status", "stage", "stages", "error", "priority", "tags", "attempt", "created_at",
    "started_at", "finished_at"],
  "properties": {
    "job_id": {"type": "string"}, "job_type": {"type": "string"},
    "status": {"$ref": "#/components/schemas/JobStatus"},
    "params": {"type": "object", "description": "none in lists, unless expanded"},
    "stage": {"type": "integer", "description": "the current or last one; 0 before the first"},
    "stages": {"type": "array", "items": {"$ref": "#/components/schemas/Stage"}},
    "result": {"description": "none in lists, unless expanded; null before the end"},
    "error": {"$ref": "#/components/schemas/JobErrorOrNull"},
    "priority": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}},
    "attempt": {"type": "integer"},
    "created_at": {"$ref": "#/components/schemas/Time"}, "run_at": {"$ref": "#/components/schemas/Time"},
    "started_at": {"$ref": "#/components/schemas/TimeOrNull"},
    "finished_at": {"$ref": "#/components/schemas/TimeOrNull"},
    "deduplicated": {"type": "boolean", "description": "true in the answer to a submission that had been made before"}}},
"NextCursor": {"type": ["string", "null"], "description": "for the next page; null at the end"},
"JobPage": {"type": "object", "required": ["items", "next_cursor"], "properties": {
  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}},
  "next_cursor": {"$ref": "#/components/schemas/NextCursor"}}},
"JobTask": {"type": "object",
  "required": ["stage", "round", "index", "task_type", "status", "attempt", "worker", "error", "started_at",
    "finished_at"],
  "properties": {
    "stage": {"type": "integer"}, "round": {"type": "integer"}, "index": {"type": "integer"},
    "task_type": {"type": "string"}, "status": {"$ref": "#/components/schemas/TaskStatus"},
    "attempt": {"type": "integer", "description": "0: none was begun"}, "worker": {"type": ["string", "null"]},
    "error": {"$ref": "#/components/schemas/JobErrorOrNull"},
    "params": {"type": "object", "description": "where it is expanded"},
    "result": {"description": "where it is expanded"},
    "progress": {"description": "the last word of its attempts, while it is not finished"},
    "started_at": {"$ref": "#/components/schemas/TimeOrNull"},
    "finished_at": {"$ref": "#/components/schemas/TimeOrNull"},
    "retry_at": {"$ref": "#/components/schemas/TimeOrNull"}}},
"TaskPage": {"type": "object", "required": ["items", "next_cursor"], "properties": {
  "items": {"type": "array", "items": {"$ref": "#/components/schemas/JobTask"}},
  "next_cursor": {"$ref": "#/components/schemas/NextCursor"}}},
"JobEvent": {"type": "object", "description": "the data of one event; what else there is goes by its name",
  "required": ["job_id", "seq", "at"], "properties": {
    "job_id": {"type": "string"}, "seq": {"type": "integer"}, "at": {"$ref": "#/components/schemas/Time"},
    "status": {"type": "string"}, "attempt": {"type": "integer"}, "stage": {"type": "integer"},
    "round": {"type": "integer"}, "tasks": {"$ref": "#/components/schemas/TaskCounts"},
    "task_index": {"type": "integer"}, "task_type": {"type": "string"}, "error": {"type": ["object", "null"]}}},
"Reason": {"type": "object", "required": ["code", "count", "example", "detail"], "properties": {
  "code": {"type": "string", "enum": ["scheduled", "paused", "no_worker", "disabled", "running", "retrying", "limit",
    "signal", "queued"]},
  "count": {"type": "integer"}, "example": {"type": ["integer", "null"], "description": "index of one of the tasks"},
  "detail": {"type": "string"}}},
"Explanation": {"type": "object", "required": ["job_id", "status", "reasons"], "properties": {
  "job_id": {"type": "string"}, "status": {"$ref": "#/components/schemas/JobStatus"},
  "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}}}},
"HeatCell": {"type": "object", "required": ["first", "count", "tasks"], "properties": {
  "first": {"type": "integer"}, "count": {"type": "integer"}, "tasks": {"$ref": "#/components/schemas/TaskCounts"}}},
"HeatMap": {"type": "object", "required": ["stage", "round", "tasks", "cells"], "properties": {
  "stage": {"type": "integer"}, "round": {"type": "integer", "description": "0: there is no such round yet"},
  "tasks": {"$ref": "#/components/schemas/TaskCounts"},
  "cells": {"type": "array", "items": {"$ref": "#/components/schemas/HeatCell"}}}},
"BulkResult": {"type": "object", "required": ["matched", "changed"], "properties": {
  "matched": {"type": "integer"}, "changed": {"type": "integer", "description": "0 in a dry run"}}}
})json";

constexpr std::string_view other_schemas = R"json({
"JobType": {"type": "object",
  "required": ["name", "description", "tags", "version", "params_schema", "stages"],
  "properties": {
    "name": {"type": "string"}, "description": {"type": "string"},
    "tags": {"type": "array", "items": {"type": "string"}}, "version": {"type": "string"},
    "enabled": {"type": "boolean"}, "unique_by_params": {"type": "boolean"},
    "params_schema": {"type": "object", "description": "JSON Schema 2020-12; empty: any object"},
    "stages": {"type": "array", "items": {"type": "string"}}}},
"JobTypes": {"type": "array", "items": {"$ref": "#/components/schemas/JobType"}},
"Duration": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$"},
"DurationOrNull": {"oneOf": [{"$ref": "#/components/schemas/Duration"}, {"type": "null"}]},
"Retry": {"type": "object", "required": ["max_attempts", "first_delay", "factor", "max_delay", "jitter"],
  "properties": {
    "max_attempts": {"type": "integer"}, "first_delay": {"$ref": "#/components/schemas/Duration"},
    "factor": {"type": "number"}, "max_delay": {"$ref": "#/components/schemas/Duration"},
    "jitter": {"type": "boolean"}}},
"TaskType": {"type": "object", "required": ["name", "description", "tags", "params_schema", "retry", "timeout"],
  "properties": {
    "name": {"type": "string"}, "description": {"type": "string"},
    "tags": {"type": "array", "items": {"type": "string"}}, "version": {"type": "string"},
    "enabled": {"type": "boolean"}, "pure": {"type": "boolean", "description": "it has no effect but its result"},
    "params_schema": {"type": "object", "description": "JSON Schema 2020-12; empty: any object"},
    "retry": {"$ref": "#/components/schemas/Retry"},
    "timeout": {"$ref": "#/components/schemas/DurationOrNull"},
    "heartbeat": {"$ref": "#/components/schemas/DurationOrNull"}}},
"TaskTypes": {"type": "array", "items": {"$ref": "#/components/schemas/TaskType"}},
"Execution": {"type": "object", "required": ["job_id", "task_name", "params", "result", "error"], "properties": {
  "job_id": {"type": "string"}, "task_name": {"type": "string"},
  "status": {"$ref": "#/components/schemas/JobStatus"}, "params": {"type": "object"},
  "result": {"description": "what the task returned; null if it raised, or is not done"},
  "error": {"oneOf": [{"type": "null"}, {"type": "object", "required": ["type", "message"], "properties": {
    "type": {"type": "string"}, "message": {"type": "string"}}}]},
  "deduplicated": {"type": "boolean"}}},
"Limit": {"type": "object", "required": ["task_type", "max_concurrency", "rate", "burst", "paused"], "properties": {
  "task_type": {"type": "string"}, "max_concurrency": {"type": "integer", "description": "0: no limit"},
  "rate": {"type": "number", "description": "a second; 0: no limit"}, "burst": {"type": "integer"},
  "paused": {"type": "boolean"}}},
"Limits": {"type": "object", "required": ["items", "next_cursor"], "properties": {
  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Limit"}},
  "next_cursor": {"$ref": "#/components/schemas/NextCursor"}}},
"PutLimits": {"oneOf": [{"$ref": "#/components/schemas/PutNamedLimit"}, {"$ref": "#/components/schemas/PutManyLimits"}]},
"ScheduleSpec": {"type": "object", "description": "job_type is due, and one of cron and every",
  "required": ["job_type"],
  "properties": {
    "name": {"type": "string"}, "job_type": {"type": "string"}, "params": {"type": "object"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "priority": {"type": "integer", "minimum": -100, "maximum": 100},
    "cron": {"type": "string"}, "time_zone": {"type": "string", "default": "UTC"},
    "every": {"$ref": "#/components/schemas/Duration"}, "anchor": {"$ref": "#/components/schemas/Time"},
    "overlap": {"type": "string", "enum": ["skip", "queue_one", "cancel_running", "allow"], "default": "skip"},
    "catch_up_limit": {"type": "integer", "minimum": 0, "maximum": 100, "default": 1},
    "jitter": {"$ref": "#/components/schemas/Duration"}, "paused": {"type": "boolean", "default": false},
    "starts_at": {"$ref": "#/components/schemas/TimeOrNull"}, "ends_at": {"$ref": "#/components/schemas/TimeOrNull"}}},
"Schedule": {"allOf": [{"$ref": "#/components/schemas/ScheduleSpec"}, {"type": "object",
  "required": ["id", "status", "next_times"],
  "properties": {
    "id": {"type": "string"},
    "status": {"type": "string", "enum": ["active", "paused", "finished", "broken"]},
    "next_times": {"type": "array", "items": {"$ref": "#/components/schemas/Time"}},
    "last_firing": {"type": ["object", "null"]}, "recent_firings": {"type": "array", "items": {"type": "object"}},
    "running": {"type": "array", "items": {"type": "string"}}, "waiting": {"type": "array", "items": {"type": "object"}},
    "fired": {"type": "integer"}, "skipped": {"type": "integer"}, "missed": {"type": "integer"},
    "refused": {"type": "integer"}, "last_error": {"type": ["string", "null"]}, "error": {"type": ["string", "null"]},
    "created_at": {"$ref": "#/components/schemas/Time"}, "updated_at": {"$ref": "#/components/schemas/Time"}}}]},
"SchedulePage": {"type": "object", "required": ["items", "next_cursor"], "properties": {
  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Schedule"}},
  "next_cursor": {"$ref": "#/components/schemas/NextCursor"}}},
"ScheduleRun": {"anyOf": [{"$ref": "#/components/schemas/Job"}, {"type": "object",
  "required": ["scheduled_for", "waiting"],
  "properties": {"scheduled_for": {"$ref": "#/components/schemas/Time"}, "waiting": {"const": true}}}]},
"RunningTask": {"type": "object", "required": ["job_id", "stage", "round", "task_index", "task_type", "attempt"],
  "properties": {
    "job_id": {"type": "string"}, "stage": {"type": "integer"}, "round": {"type": "integer"},
    "task_index": {"type": "integer"}, "task_type": {"type": "string"}, "attempt": {"type": "integer"},
    "started_at": {"$ref": "#/components/schemas/TimeOrNull"}}},
"Worker": {"type": "object", "required": ["name", "kind", "concurrency", "running", "task_types"], "properties": {
  "name": {"type": "string"}, "kind": {"type": "string"}, "concurrency": {"type": "integer"},
  "server": {"type": "string", "description": "whose threads they are, where several servers share a store"},
  "running": {"type": "integer"}, "task_types": {"type": "array", "items": {"type": "string"}},
  "tasks": {"type": "array", "items": {"$ref": "#/components/schemas/RunningTask"}},
  "connected_at": {"$ref": "#/components/schemas/Time"}, "last_seen": {"$ref": "#/components/schemas/Time"}}},
"WorkerPage": {"type": "object", "required": ["items", "next_cursor"], "properties": {
  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Worker"}},
  "next_cursor": {"$ref": "#/components/schemas/NextCursor"}}},
"Queue": {"type": "object", "required": ["name", "depth", "running", "oldest_age", "paused"], "properties": {
  "name": {"type": "string", "description": "the task type"},
  "depth": {"type": "integer", "description": "tasks that may run and were not handed out yet"},
  "running": {"type": "integer"}, "oldest_age": {"type": ["number", "null"], "description": "in seconds"},
  "paused": {"type": "boolean"}, "disabled": {"type": "boolean"}, "available": {"type": "boolean"},
  "limit": {"type": ["object", "null"]}}},
"QueuePage": {"type": "object", "required": ["items", "next_cursor"], "properties": {
  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Queue"}},
  "next_cursor": {"$ref": "#/components/schemas/NextCursor"},
  "transport": {"type": "object", "description": "the queue between this server and its workers, if there is one",
    "required": ["url", "up", "fault", "workers", "waiting", "running"], "properties": {
    "url": {"type": "string"}, "up": {"type": "boolean"}, "fault": {"type": ["string", "null"]},
    "workers": {"type": "integer"}, "waiting": {"type": "integer", "description": "tasks that no worker has taken"},
    "running": {"type": "integer", "description": "tasks that workers have taken"}}}}},
"ArtifactReference": {"type": "object", "required": ["$artifact", "size", "media_type"], "properties": {
  "$artifact": {"type": "string"}, "size": {"type": "integer"}, "media_type": {"type": "string"}}},
"HandedOutTask": {"type": "object", "description": "the record of a queue, and what belongs to its lease",
  "required": ["schema", "task_id", "status", "created_at", "resolver_id", "strategy", "serialized_task", "params",
    "attempt", "group_id", "lease", "job_id", "task_type", "stage", "round", "index", "idempotency_key", "timeout_ms",
    "heartbeat_ms", "term_ms", "alone"],
  "properties": {
    "schema": {"const": 1}, "task_id": {"type": "string"}, "status": {"const": "ready"},
    "created_at": {"type": "number", "description": "seconds since 1970"}, "resolver_id": {"type": "string"},
    "strategy": {"type": "string", "enum": ["reference", "pickle", "source"]},
    "serialized_task": {"type": "object", "required": ["strategy", "payload"], "properties": {
      "strategy": {"type": "string"}, "payload": {"type": "object"}}},
    "params": {"type": "object", "description": "it may be the reference of an artifact"},
    "progress": {"description": "what earlier attempts had come to; missing if they said nothing"},
    "attempt": {"type": "integer"}, "group_id": {"type": "string", "description": "the job"},
    "lease": {"type": "string"}, "job_id": {"type": "string"}, "task_type": {"type": "string"},
    "stage": {"type": "integer"}, "round": {"type": "integer"}, "index": {"type": "integer"},
    "idempotency_key": {"type": "string", "description": "the same for every attempt of the task"},
    "timeout_ms": {"type": "integer", "description": "of the attempt; 0: none"},
    "heartbeat_ms": {"type": "integer", "description": "the longest silence of its handler; 0: it need not be heard of"},
    "term_ms": {"type": "integer", "description": "the lease ends if it is not renewed for so long"},
    "alone": {"type": "boolean", "description": "nothing else is to run beside it: it may be what ended a worker"},
    "traceparent": {"type": "string"}}},
"HandOut": {"type": "object", "description": "the tasks of one lease, with what they have in common said once",
  "required": ["lease", "job_id", "stage", "round", "defined_in", "task_type", "resolver_id", "timeout_ms",
    "heartbeat_ms", "term_ms", "alone", "tasks"],
  "properties": {
    "lease": {"type": "string"}, "job_id": {"type": "string"}, "stage": {"type": "integer"},
    "round": {"type": "integer"}, "defined_in": {"type": "integer"}, "task_type": {"type": "string"},
    "resolver_id": {"type": "string"}, "timeout_ms": {"type": "integer"}, "heartbeat_ms": {"type": "integer"},
    "term_ms": {"type": "integer"}, "alone": {"type": "boolean"}, "traceparent": {"type": "string"},
    "tasks": {"type": "array", "items": {"type": "object", "required": ["index", "attempt", "params"], "properties": {
      "index": {"type": "integer"}, "attempt": {"type": "integer"}, "params": {"type": "object"}, "progress": {}}}}}},
"HandedOut": {"type": "object", "description": "tasks, or hand_outs where the body says grouped", "properties": {
  "tasks": {"type": "array", "items": {"$ref": "#/components/schemas/HandedOutTask"}},
  "hand_outs": {"type": "array", "items": {"$ref": "#/components/schemas/HandOut"}}}},
"LeaseNews": {"type": "object", "required": ["leases"], "properties": {
  "leases": {"type": "array", "items": {"type": "object", "required": ["lease", "state"], "properties": {
    "lease": {"type": "string"},
    "state": {"type": "string", "enum": ["held", "recalled", "cancelled", "gone"]}}}}}},
"Stats": {"type": "object",
  "required": ["version", "started_at", "jobs", "unfinished", "tasks", "store", "streams", "sampled_at"], "properties": {
    "version": {"type": "string"}, "started_at": {"$ref": "#/components/schemas/Time"},
    "jobs": {"type": "object", "description": "how many there are in each status",
      "propertyNames": {"$ref": "#/components/schemas/JobStatus"}, "additionalProperties": {"type": "integer"}},
    "unfinished": {"type": "integer"},
    "tasks": {"type": "object", "required": ["queued", "running", "ended"], "properties": {
      "queued": {"type": "integer"}, "running": {"type": "integer"},
      "ended": {"type": "integer", "description": "since the server was started"}}},
    "store": {"type": "object", "required": ["bytes", "full", "failed"], "properties": {
      "bytes": {"type": "integer"}, "full": {"type": "boolean"}, "failed": {"type": "boolean"}}},
    "streams": {"type": "integer", "description": "of events, that are open"},
    "sampled_at": {"$ref": "#/components/schemas/TimeOrNull"},
    "series": {"$ref": "#/components/schemas/Series"}}},
"Points": {"type": "array", "items": {"type": ["number", "null"]}},
"Series": {"type": "object", "description": "one point every `interval` seconds, oldest first, of the last hour at most",
  "required": ["interval", "points"], "properties": {
    "interval": {"type": "integer"}, "points": {"type": "integer"},
    "tasks_completed": {"$ref": "#/components/schemas/Points", "description": "a second"},
    "attempts_failed": {"$ref": "#/components/schemas/Points", "description": "a second"},
    "jobs_accepted": {"$ref": "#/components/schemas/Points", "description": "a second"},
    "jobs_ended": {"$ref": "#/components/schemas/Points", "description": "a second"},
    "tasks_queued": {"$ref": "#/components/schemas/Points"}, "tasks_running": {"$ref": "#/components/schemas/Points"},
    "schedule_to_start_p50": {"$ref": "#/components/schemas/Points", "description": "milliseconds"},
    "schedule_to_start_p95": {"$ref": "#/components/schemas/Points", "description": "milliseconds"},
    "commit_p50": {"$ref": "#/components/schemas/Points", "description": "milliseconds"},
    "commit_p95": {"$ref": "#/components/schemas/Points", "description": "milliseconds"}}},
"Liveness": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}},
"Readiness": {"type": "object", "required": ["status", "checks"], "properties": {
  "status": {"const": "ready"}, "checks": {"type": "object", "additionalProperties": {"type": "string"}}}},
"Server": {"type": "object", "required": ["name", "version"], "properties": {
  "name": {"type": "string"}, "version": {"type": "string"}, "openapi": {"type": "string"}}},
"Problem": {"type": "object", "description": "RFC 9457", "required": ["type", "title", "status", "detail", "request_id"],
  "properties": {
    "type": {"type": "string", "format": "uri"}, "title": {"type": "string"}, "status": {"type": "integer"},
    "detail": {"type": "string"}, "code": {"type": "string"}, "request_id": {"type": "string"},
    "errors": {"type": "array", "description": "every fault: of the body by pointer, of the query by parameter",
      "items": {"type": "object", "required": ["detail"], "properties": {
        "pointer": {"type": "string"}, "parameter": {"type": "string"}, "detail": {"type": "string"}}}}}}
})json";

}  // namespace

json::object component_schemas() {
  json::object all;
  for (const auto text : {job_schemas, other_schemas}) {
    const auto some = parse_stored(text);
    for (const auto& schema : some.get_object()) all[schema.key()] = schema.value();
  }
  all["Signal"] = params::schema<SignalBody>();
  all["Execute"] = params::schema<ExecuteBody>();
  all["Bulk"] = params::schema<BulkBody>();
  all["PutLimit"] = params::schema<LimitOfPathBody>();
  all["PutNamedLimit"] = params::schema<NamedLimitBody>();
  all["PutManyLimits"] = params::schema<LimitsBody>();
  all["Poll"] = params::schema<PollBody>();
  all["Complete"] = params::schema<CompleteBody>();
  all["Heartbeat"] = params::schema<HeartbeatBody>();
  all["Leave"] = params::schema<LeaveBody>();
  // Each of these says which dialect it is; here all are the one of OpenAPI 3.1.
  for (auto& schema : all) schema.value().get_object().erase("$schema");
  return all;
}

}  // namespace coremachine::http
