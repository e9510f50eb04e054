// `throngctl daemon drain`.
#include <fmt/format.h>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/print.h"

namespace throng {

int Drain(const DrainCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  daemon.connection().SetTimeout(command.timeout);
  const auto answer = daemon.connection().Drain({});
  if (!answer.ok()) return Fail(answer.status(), daemon);
  Out("Drained: no run delivers any more, and nothing begins. Runs go on when the daemon was "
      "started again.\n");
  return kDone;
}

}  // namespace throng
