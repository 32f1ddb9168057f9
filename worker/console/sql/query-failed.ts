// What the view and the client share without the view having to load the client.
import type { DatabaseProblem, ResultSet } from './database.js'

export class QueryFailed extends Error {
  readonly problem: DatabaseProblem
  /** Of statements before the one that failed. */
  readonly results: readonly ResultSet[]

  constructor(problem: DatabaseProblem, results: readonly ResultSet[]) {
    super(problem.message)
    this.problem = problem
    this.results = results
  }
}

/** Rows and characters of one run that are kept for the table and for CSV. */
export const caps = { rows: 100_000, characters: 64_000_000 } as const
