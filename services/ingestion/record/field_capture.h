// The fields of a record that its table lacks, as one JSON object of the record's shape: a field
// inside a struct stands in an object of the struct's name, one inside a list's element in an array
// where the elements without any are {} (or []), and those behind the last are left out. Names and
// values are the record's own bytes, so that duplicate names and numbers of any size stay what they
// are; the whole is never longer than the record.
//
// Told what the reader of a record walks through; nothing is written before a field is added. Not
// thread safe; the record's bytes outlive Finish.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::ingestion {

class FieldCapture {
 public:
  // What Enter and EnterElement go into; of an array, what its elements are.
  enum class Container { kObject, kArrayOfObjects, kArrayOfArrays };

  // A new record: its object is entered.
  void Begin();
  // The value of a member of the object at hand. Names are as they stand between the quotes.
  void Enter(Container container, std::string_view name);
  // An element of the array at hand.
  void EnterElement(Container container, size_t index);
  void Leave();
  // A member of the object at hand that the table lacks.
  void Add(std::string_view name, std::string_view value);
  // The object, empty when nothing was added. Stays until Begin.
  const std::string& Finish();

 private:
  struct Level {
    Container container;
    std::string_view name;  // inside an object
    size_t index = 0;       // inside an array
    bool open = false;
    size_t written = 0;  // members or elements
  };

  static bool IsArray(const Level& level) { return level.container != Container::kObject; }
  void Open(size_t depth);
  void BeginItem(Level& parent, std::string_view name, size_t index);

  std::vector<Level> levels_;
  std::string text_;
};

}  // namespace tarn::ingestion
