/**
 * Contracts: an API is declared by its schemas first, and implemented and called apart from that. Nothing
 * here serves or connects, so that a module with a contract is small wherever it is imported.
 *
 * @module
 */

// ---- Declaring -------------------------------------------------------------------------------
export { contract, type ContractBuilder } from "./api/contract.ts";
export type { Contract, ContractEntry, ContractOptions } from "./api/contract_entry.ts";
export { ContractError, type ContractPart } from "./api/contract_check.ts";

// ---- Implementing ----------------------------------------------------------------------------
export {
  type ContractHandler,
  type Handlers,
  implement,
  type Implementation,
} from "./api/implement.ts";
