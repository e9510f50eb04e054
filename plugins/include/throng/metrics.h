/* The extension "metrics/1": what a component counts, shown with its run. */
#ifndef THRONG_METRICS_H_
#define THRONG_METRICS_H_

#include <stdint.h>

#define THRONG_METRICS "metrics/1" /* for throng_host's get_extension */

/* Both functions are [any]. A name is snake_case, of at most 64 characters, with its unit
 * ("bytes_total", "queue_seconds"); a component has at most 32 of them, and what goes beyond is
 * dropped with a warning. Values are finite. A counter of a sink that grows says that it is slow
 * where it is UNAVAILABLE, not gone: the host's patience begins anew. */
typedef struct throng_metrics {
  uint32_t struct_size;
  const void* self;
  void (*add)(const void* self, const char* counter, double value); /* value is not negative */
  void (*set)(const void* self, const char* gauge, double value);
} throng_metrics;

#endif /* THRONG_METRICS_H_ */
