#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include <coremachine/telemetry/metrics.hpp>

#include "core/model/utf8.hpp"

namespace coremachine {
namespace {

std::string_view word_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter: return "counter";
    case MetricKind::gauge: return "gauge";
    case MetricKind::histogram: return "histogram";
  }
  return "untyped";
}

/// Backslashes and line ends, and in label values quotes: nothing else is escaped. The format is UTF-8.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++at;
      continue;
    }
    if (text[at] == '\\') {
      out += "\\\\";
    } else if (text[at] == '\n') {
      out += "\\n";
    } else if (text[at] == '"' && quotes) {
      out += "\\\"";
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char digits[32];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
}

void append_label(std::string& out, bool& first, std::string_view name, std::string_view value) {
  out += first ? '{' : ',';
  first = false;
  out += name;
  out += "=\"";
  append_escaped(out, value, true);
  out += '"';
}

/// `le` is of a bucket; empty: none.
void append_series(std::string& out, const std::string& name, std::string_view suffix, const MetricLabels& labels,
                   std::string_view le, double value) {
  out += name;
  out += suffix;
  bool first = true;
  for (const auto& [label, text] : labels) append_label(out, first, label, text);
  if (!le.empty()) append_label(out, first, "le", le);
  if (!first) out += '}';
  out += ' ';
  append_number(out, value);
  out += '\n';
}

void append_histogram(std::string& out, const std::string& name, const MetricSample& sample) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < sample.counts.size(); ++i) {
    below += sample.counts[i];
    std::string le;
    append_number(le, i < sample.bounds.size() ? sample.bounds[i] : INFINITY);
    append_series(out, name, "_bucket", sample.labels, le, static_cast<double>(below));
  }
  append_series(out, name, "_sum", sample.labels, {}, sample.sum);
  append_series(out, name, "_count", sample.labels, {}, static_cast<double>(below));
}

}  // namespace

std::string to_prometheus(const std::vector<Metric>& metrics) {
  std::string out;
  for (const auto& metric : metrics) {
    if (metric.samples.empty()) continue;
    out += "# HELP " + metric.name + ' ';
    append_escaped(out, metric.help, false);
    out += "\n# TYPE " + metric.name + ' ';
    out += word_of(metric.kind);
    out += '\n';
    for (const auto& sample : metric.samples) {
      if (metric.kind == MetricKind::histogram) {
        append_histogram(out, metric.name, sample);
      } else {
        append_series(out, metric.name, {}, sample.labels, {}, sample.value);
      }
    }
  }
  return out;
}

}  // namespace coremachine
