// Names of what a catalog's enums say.
import { SnapshotOperation } from "../gen/tarn/catalog/v1/snapshot_pb.js";
import { FileFormat, TableType } from "../gen/tarn/catalog/v1/table_pb.js";

export const TABLE_KINDS: Record<TableType, string> = {
  [TableType.UNSPECIFIED]: "table",
  [TableType.MANAGED]: "managed",
  [TableType.EXTERNAL]: "external",
  [TableType.VIEW]: "view",
};

export const FORMATS: Record<FileFormat, string> = {
  [FileFormat.UNSPECIFIED]: "unknown",
  [FileFormat.PARQUET]: "Parquet",
  [FileFormat.CSV]: "CSV",
  [FileFormat.JSON_LINES]: "JSON lines",
  [FileFormat.JSON_ARRAY]: "JSON array",
  [FileFormat.XML]: "XML",
  [FileFormat.TEXT]: "Text",
};

export const OPERATIONS: Record<SnapshotOperation, string> = {
  [SnapshotOperation.UNSPECIFIED]: "unknown",
  [SnapshotOperation.APPEND]: "append",
  [SnapshotOperation.OVERWRITE]: "overwrite",
  [SnapshotOperation.REPLACE]: "replace",
  [SnapshotOperation.DELETE]: "delete",
  [SnapshotOperation.CRAWL]: "crawl",
  [SnapshotOperation.ROLLBACK]: "rollback",
};
