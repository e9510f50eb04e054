/* Plugins that misbehave as soon as they are loaded. */
#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void OnLoad(void) {
#if defined(CRASHES)
  raise(SIGSEGV);
#elif defined(EXITS)
  _exit(4);
#else
  for (;;) pause();
#endif
}
