#include "services/query/sql/statement.h"

#include <algorithm>
#include <array>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/query/sql/sql_lexer.h"

namespace tarn::query {
namespace {

class Parser {
 public:
  Parser(std::string_view sql, std::vector<Token> tokens) : sql_(sql), tokens_(std::move(tokens)) {}

  absl::StatusOr<Statement> Run() {
    DropSemicolons();
    if (Current().kind == TokenKind::kEnd) {
      return InvalidArgument("SQL_ERROR", "the statement is empty; write one SQL statement");
    }
    TARN_RETURN_IF_ERROR(RefuseSecondStatement());
    if (StartsQuery()) {
      statement_.kind = StatementKind::kSelect;
      TakeQuery();
      return std::move(statement_);
    }
    absl::Status status = Dispatch();
    if (!status.ok()) return status;
    return std::move(statement_);
  }

  absl::StatusOr<PartitionTransform> Transform() {
    TARN_ASSIGN_OR_RETURN(std::string first, Identifier("a column or a transform"));
    if (!AcceptPunctuation("(")) return PartitionTransform{first, "identity"};
    const std::string function = absl::AsciiStrToLower(first);
    static const std::set<std::string> kPlain = {"identity", "year", "month", "day", "hour"};
    PartitionTransform transform;
    if (kPlain.count(function) > 0) {
      TARN_ASSIGN_OR_RETURN(transform.column, Identifier("a column"));
      transform.transform = function;
    } else if (function == "truncate") {
      int width = 0;
      bool has_width = AcceptNumber(&width);
      if (has_width) TARN_RETURN_IF_ERROR(ExpectPunctuation(","));
      TARN_ASSIGN_OR_RETURN(transform.column, Identifier("a column"));
      if (!has_width) {
        TARN_RETURN_IF_ERROR(ExpectPunctuation(","));
        has_width = AcceptNumber(&width);
      }
      if (!has_width || width < 1) return Expected("a whole number above 0");
      transform.transform = absl::StrCat(function, "[", width, "]");
    } else {
      return InvalidArgument("SQL_ERROR",
                             absl::StrCat("unknown partition transform ", function,
                                          "; use identity, year, month, day, hour or truncate"));
    }
    TARN_RETURN_IF_ERROR(ExpectPunctuation(")"));
    return transform;
  }

  bool AtEnd() const { return Current().kind == TokenKind::kEnd; }

  absl::Status Expected(std::string_view what) const {
    const Token& token = Current();
    const std::string found =
        token.kind == TokenKind::kEnd
            ? "the statement ends"
            : absl::StrCat("'", std::string(sql_.substr(token.offset, token.length)), "' stands");
    return InvalidArgument("SQL_ERROR",
                           absl::StrCat("expected ", std::string(what), " at ",
                                        DescribePosition(sql_, token.offset), ", where ", found));
  }

 private:
  const Token& Current() const { return tokens_[at_]; }
  const Token& Ahead(size_t n) const { return tokens_[std::min(at_ + n, tokens_.size() - 1)]; }

  static bool IsWord(const Token& token, std::string_view word) {
    return token.kind == TokenKind::kWord && token.text == word;
  }
  static bool IsPunctuation(const Token& token, std::string_view text) {
    return token.kind == TokenKind::kPunctuation && token.text == text;
  }

  bool Accept(std::string_view word) {
    if (!IsWord(Current(), word)) return false;
    ++at_;
    return true;
  }
  bool AcceptPunctuation(std::string_view text) {
    if (!IsPunctuation(Current(), text)) return false;
    ++at_;
    return true;
  }
  bool AcceptNumber(int* value) {
    if (Current().kind != TokenKind::kNumber || !absl::SimpleAtoi(Current().text, value))
      return false;
    ++at_;
    return true;
  }
  absl::Status Expect(std::string_view word) {
    return Accept(word) ? absl::OkStatus() : Expected(word);
  }
  absl::Status ExpectPunctuation(std::string_view text) {
    return AcceptPunctuation(text) ? absl::OkStatus()
                                   : Expected(absl::StrCat("'", std::string(text), "'"));
  }

  // An identifier: a quoted one as it stands, another in lower case.
  absl::StatusOr<std::string> Identifier(std::string_view what) {
    const Token& token = Current();
    if (token.kind == TokenKind::kQuotedIdentifier) {
      ++at_;
      return token.text;
    }
    if (token.kind != TokenKind::kWord) return Expected(what);
    ++at_;
    return absl::AsciiStrToLower(token.text);
  }

  absl::Status Name(SqlName* name) {
    TARN_ASSIGN_OR_RETURN(name->table, Identifier("a table's name"));
    if (!AcceptPunctuation(".")) return absl::OkStatus();
    name->database = std::move(name->table);
    TARN_ASSIGN_OR_RETURN(name->table, Identifier("a table's name after the database"));
    if (IsPunctuation(Current(), ".")) {
      return InvalidArgument("SQL_ERROR",
                             "a table's name has two parts at the most: database.table");
    }
    return absl::OkStatus();
  }

  void DropSemicolons() {
    while (tokens_.size() >= 2 && IsPunctuation(tokens_[tokens_.size() - 2], ";")) {
      const size_t end = tokens_[tokens_.size() - 2].offset;
      tokens_.pop_back();
      tokens_.back() = Token{TokenKind::kEnd, "", end, 0};
    }
  }

  absl::Status RefuseSecondStatement() const {
    for (const Token& token : tokens_) {
      if (IsPunctuation(token, ";")) {
        return InvalidArgument("SQL_ERROR", absl::StrCat("a second statement begins after ",
                                                         DescribePosition(sql_, token.offset),
                                                         "; send one statement a call"));
      }
    }
    return absl::OkStatus();
  }

  bool StartsQuery() const {
    static constexpr std::array<std::string_view, 7> kWords = {
        "SELECT", "WITH", "FROM", "VALUES", "TABLE", "PIVOT", "UNPIVOT"};
    if (IsPunctuation(Current(), "(")) return true;
    return Current().kind == TokenKind::kWord &&
           std::find(kWords.begin(), kWords.end(), Current().text) != kWords.end();
  }

  void TakeQuery() {
    statement_.query_offset = Current().offset;
    statement_.query =
        std::string(sql_.substr(Current().offset, tokens_.back().offset - Current().offset));
    at_ = tokens_.size() - 1;
  }

  absl::Status Query() {
    if (!StartsQuery()) return Expected("a query (SELECT, WITH, FROM or VALUES)");
    TakeQuery();
    return absl::OkStatus();
  }

  absl::Status End() const {
    return AtEnd() ? absl::OkStatus() : Expected("the end of the statement");
  }

  absl::Status Dispatch() {
    if (Accept("CREATE")) return Create();
    if (Accept("INSERT")) return Insert();
    if (Accept("DROP")) return Drop();
    if (Accept("DESCRIBE") || Accept("DESC")) return Describe();
    if (Accept("SHOW")) return Show();
    if (Accept("EXPLAIN")) {
      statement_.kind = StatementKind::kExplain;
      return Query();
    }
    const std::string first(sql_.substr(Current().offset, Current().length));
    return InvalidArgument(
        "STATEMENT_NOT_SUPPORTED",
        absl::StrCat(absl::AsciiStrToUpper(first),
                     " is not a statement of Tarn; it has SELECT, CREATE TABLE, CREATE TABLE AS, "
                     "CREATE VIEW, CREATE "
                     "DATABASE, INSERT INTO, INSERT OVERWRITE, DROP, DESCRIBE, SHOW and EXPLAIN"),
        {{"statement", absl::AsciiStrToUpper(first)}});
  }

  absl::Status IfNotExists() {
    if (!Accept("IF")) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(Expect("NOT"));
    TARN_RETURN_IF_ERROR(Expect("EXISTS"));
    statement_.if_exists = true;
    return absl::OkStatus();
  }

  absl::Status Create() {
    if (Accept("OR")) {
      TARN_RETURN_IF_ERROR(Expect("REPLACE"));
      statement_.or_replace = true;
    }
    if (Accept("TABLE")) return CreateTable();
    if (Accept("VIEW")) {
      statement_.kind = StatementKind::kCreateView;
      TARN_RETURN_IF_ERROR(IfNotExists());
      TARN_RETURN_IF_ERROR(Name(&statement_.target));
      TARN_RETURN_IF_ERROR(Expect("AS"));
      return Query();
    }
    if (!statement_.or_replace && (Accept("DATABASE") || Accept("SCHEMA"))) {
      statement_.kind = StatementKind::kCreateDatabase;
      TARN_RETURN_IF_ERROR(IfNotExists());
      TARN_ASSIGN_OR_RETURN(statement_.target.database, Identifier("a database's name"));
      return End();
    }
    const std::string what(sql_.substr(Current().offset, Current().length));
    return InvalidArgument(
        "STATEMENT_NOT_SUPPORTED",
        absl::StrCat("CREATE ", absl::AsciiStrToUpper(what),
                     " is not a statement of Tarn; it creates TABLE, VIEW and DATABASE"));
  }

  absl::Status CreateTable() {
    TARN_RETURN_IF_ERROR(IfNotExists());
    if (statement_.or_replace && statement_.if_exists) {
      return InvalidArgument("SQL_ERROR", "OR REPLACE and IF NOT EXISTS exclude each other");
    }
    TARN_RETURN_IF_ERROR(Name(&statement_.target));
    if (IsPunctuation(Current(), "(")) {
      statement_.kind = StatementKind::kCreateTable;
      TARN_RETURN_IF_ERROR(Columns());
      TARN_RETURN_IF_ERROR(PartitionedBy());
      return End();
    }
    statement_.kind = StatementKind::kCreateTableAs;
    TARN_RETURN_IF_ERROR(PartitionedBy());
    TARN_RETURN_IF_ERROR(Expect("AS"));
    return Query();
  }

  absl::Status Columns() {
    TARN_RETURN_IF_ERROR(ExpectPunctuation("("));
    do {
      ColumnDefinition column;
      TARN_ASSIGN_OR_RETURN(column.name, Identifier("a column's name"));
      TARN_RETURN_IF_ERROR(Type(&column));
      statement_.columns.push_back(std::move(column));
    } while (AcceptPunctuation(","));
    return ExpectPunctuation(")");
  }

  // A type is all up to the comma or bracket that ends the column, without NOT NULL; the engine
  // reads it.
  absl::Status Type(ColumnDefinition* column) {
    const size_t begin = Current().offset;
    size_t end = begin;
    int depth = 0;
    while (!AtEnd()) {
      if (depth == 0 && (IsPunctuation(Current(), ",") || IsPunctuation(Current(), ")"))) break;
      if (depth == 0 && IsWord(Current(), "NOT") && IsWord(Ahead(1), "NULL")) {
        column->required = true;
        at_ += 2;
        break;
      }
      if (IsPunctuation(Current(), "(")) ++depth;
      if (IsPunctuation(Current(), ")")) --depth;
      end = Current().offset + Current().length;
      ++at_;
    }
    if (end == begin) return Expected("a column's type");
    column->sql_type = std::string(sql_.substr(begin, end - begin));
    return absl::OkStatus();
  }

  absl::Status PartitionedBy() {
    if (!Accept("PARTITIONED")) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(Expect("BY"));
    TARN_RETURN_IF_ERROR(ExpectPunctuation("("));
    do {
      TARN_ASSIGN_OR_RETURN(PartitionTransform transform, Transform());
      statement_.partitioned_by.push_back(std::move(transform));
    } while (AcceptPunctuation(","));
    return ExpectPunctuation(")");
  }

  absl::Status Insert() {
    if (Accept("OVERWRITE")) {
      statement_.kind = StatementKind::kInsertOverwrite;
      if (!Accept("TABLE")) Accept("INTO");
    } else {
      statement_.kind = StatementKind::kInsert;
      TARN_RETURN_IF_ERROR(Expect("INTO"));
    }
    TARN_RETURN_IF_ERROR(Name(&statement_.target));
    const bool has_columns = IsPunctuation(Current(), "(") && !IsWord(Ahead(1), "SELECT") &&
                             !IsWord(Ahead(1), "WITH") && !IsWord(Ahead(1), "FROM") &&
                             !IsWord(Ahead(1), "VALUES") && !IsPunctuation(Ahead(1), "(");
    if (has_columns) {
      ++at_;
      do {
        TARN_ASSIGN_OR_RETURN(std::string column, Identifier("a column's name"));
        statement_.insert_columns.push_back(std::move(column));
      } while (AcceptPunctuation(","));
      TARN_RETURN_IF_ERROR(ExpectPunctuation(")"));
    }
    return Query();
  }

  absl::Status Drop() {
    const bool database = IsWord(Current(), "DATABASE") || IsWord(Current(), "SCHEMA");
    if (IsWord(Current(), "TABLE")) {
      statement_.kind = StatementKind::kDropTable;
    } else if (IsWord(Current(), "VIEW")) {
      statement_.kind = StatementKind::kDropView;
    } else if (database) {
      statement_.kind = StatementKind::kDropDatabase;
    } else {
      return Expected("TABLE, VIEW or DATABASE");
    }
    ++at_;
    if (Accept("IF")) {
      TARN_RETURN_IF_ERROR(Expect("EXISTS"));
      statement_.if_exists = true;
    }
    if (database) {
      TARN_ASSIGN_OR_RETURN(statement_.target.database, Identifier("a database's name"));
    } else {
      TARN_RETURN_IF_ERROR(Name(&statement_.target));
    }
    return End();
  }

  absl::Status Describe() {
    const bool table = IsWord(Current(), "TABLE") && Ahead(1).kind != TokenKind::kEnd;
    if (StartsQuery() && !table) {
      statement_.kind = StatementKind::kDescribeQuery;
      return Query();
    }
    if (table) ++at_;
    statement_.kind = StatementKind::kDescribeTable;
    TARN_RETURN_IF_ERROR(Name(&statement_.target));
    return End();
  }

  absl::Status Show() {
    if (Accept("DATABASES") || Accept("SCHEMAS")) {
      statement_.kind = StatementKind::kShowDatabases;
      return End();
    }
    TARN_RETURN_IF_ERROR(Expect("TABLES"));
    statement_.kind = StatementKind::kShowTables;
    if (Accept("FROM") || Accept("IN")) {
      TARN_ASSIGN_OR_RETURN(statement_.target.database, Identifier("a database's name"));
    }
    return End();
  }

  const std::string_view sql_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  Statement statement_;
};

}  // namespace

absl::StatusOr<Statement> ParseStatement(std::string_view sql) {
  TARN_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(sql));
  return Parser(sql, std::move(tokens)).Run();
}

absl::StatusOr<PartitionTransform> ParsePartitionTransform(std::string_view text) {
  TARN_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  Parser parser(text, std::move(tokens));
  TARN_ASSIGN_OR_RETURN(PartitionTransform transform, parser.Transform());
  if (!parser.AtEnd()) return parser.Expected("the end of the transform");
  return transform;
}

std::string_view StatementKindName(StatementKind kind) {
  switch (kind) {
    case StatementKind::kSelect:
      return "SELECT";
    case StatementKind::kCreateTable:
      return "CREATE TABLE";
    case StatementKind::kCreateTableAs:
      return "CREATE TABLE AS";
    case StatementKind::kCreateView:
      return "CREATE VIEW";
    case StatementKind::kCreateDatabase:
      return "CREATE DATABASE";
    case StatementKind::kInsert:
      return "INSERT INTO";
    case StatementKind::kInsertOverwrite:
      return "INSERT OVERWRITE";
    case StatementKind::kDropTable:
      return "DROP TABLE";
    case StatementKind::kDropView:
      return "DROP VIEW";
    case StatementKind::kDropDatabase:
      return "DROP DATABASE";
    case StatementKind::kDescribeTable:
    case StatementKind::kDescribeQuery:
      return "DESCRIBE";
    case StatementKind::kShowDatabases:
    case StatementKind::kShowTables:
      return "SHOW";
    case StatementKind::kExplain:
      return "EXPLAIN";
  }
  return "statement";
}

}  // namespace tarn::query
