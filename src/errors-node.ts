// `errors.ts` as the rooms of Node see it: the same, with the rows and the sentences that Node alone needs in place. Loading
// this file does it, which is why package.json names it among the files with an effect.
import { nodeRows } from './error-rows-node.js'
import { installRows } from './errors.js'

installRows(nodeRows)

export * from './errors.js'
