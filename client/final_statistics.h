// The statistics that `throngctl generate` ends with.
#pragma once

#include "client/connection.h"
#include "throng/v1/run.pb.h"

namespace throng {

// Prints a block for each output of interactions, once the rows of earlier workers are counted too.
// On stderr if stdout carries rows.
void ShowFinalStatistics(Connection* connection, const v1::Run& run);

// Whether an output writes rows to stdout.
bool WritesToStdout(const v1::OutputSpec& output);

}  // namespace throng
