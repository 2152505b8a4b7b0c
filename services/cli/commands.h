// The commands, one file each. Each function adds a command to the program's, with its options and
// an example; choosing it sets the session's action.
#pragma once

namespace CLI {
class App;
}

namespace tarn::cli {

class Session;

void AddApplyCommand(CLI::App& program, Session& session);
void AddGetCommand(CLI::App& program, Session& session);
void AddDeleteCommand(CLI::App& program, Session& session);
void AddUploadCommand(CLI::App& program, Session& session);
void AddCrawlCommand(CLI::App& program, Session& session);
void AddRunCommand(CLI::App& program, Session& session);
void AddPutCommand(CLI::App& program, Session& session);
void AddDevicesCommand(CLI::App& program, Session& session);
void AddReprocessCommand(CLI::App& program, Session& session);
void AddSnapshotsCommand(CLI::App& program, Session& session);
void AddTagsCommand(CLI::App& program, Session& session);
void AddDiffCommand(CLI::App& program, Session& session);
void AddRollbackCommand(CLI::App& program, Session& session);
void AddQueryCommand(CLI::App& program, Session& session);
void AddAccessCommand(CLI::App& program, Session& session);
void AddAlertsCommand(CLI::App& program, Session& session);
void AddStatusCommand(CLI::App& program, Session& session);
void AddKeyCommand(CLI::App& program, Session& session);
void AddWalCommand(CLI::App& program, Session& session);

}  // namespace tarn::cli
