// The interop matrix: our client against TLS servers of other people, each cell a handshake of its own. Prints the table;
// `npm run docs:interop` writes it to docs/interop.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describePeer, hasPeer, peerVersion } from '../support/peers.js'
import { type Cell, fill } from './matrix-cells.js'
import { type Credentials, createCredentials } from './matrix-client.js'
import { matrixPeers } from './matrix-peers.js'
import type { RunningPeer } from './matrix-places.js'
import {
  type ColumnName,
  cellTexts,
  columnNames,
  expectedShape,
  type MatrixResult,
  type Outcome,
  type Row,
  rowId,
  rows,
  rowsOf,
  type StackName,
  shapeOf,
  stackNames,
  stacks,
  writeTable,
} from './matrix-table.js'

// A dozen servers at once, each with something to do when the process ends.
process.setMaxListeners(64)

const cells: Record<string, Partial<Record<ColumnName, Outcome>>> = {}
let credentials: Credentials

beforeAll(async () => {
  credentials = await createCredentials()
})

for (const stack of stackNames) {
  const { needs } = matrixPeers[stack]
  describePeer(needs, `interop with ${stacks[stack]}`, () => {
    let running: RunningPeer
    beforeAll(async () => {
      running = await matrixPeers[stack].start(credentials)
    })
    afterAll(() => running?.stop())
    describeRows(stack, () => running)
  })
  if (needs.every(hasPeer)) continue
  for (const row of rowsOf(stack))
    for (const column of columnNames) put(row, column, { kind: 'absent', note: 'Not installed here.' })
}

function describeRows(stack: StackName, running: () => RunningPeer): void {
  const peer = matrixPeers[stack]
  for (const row of rowsOf(stack)) {
    for (const column of columnNames) {
      const reason = reasonAgainst(row, column)
      if (reason !== undefined) put(row, column, { kind: 'absent', note: reason })
      else
        it(`${row.version}, server key ${row.key}: ${column}`, async () => {
          const cell: Cell = { row, column, peer, running: running(), credentials }
          try {
            put(row, column, await fill(cell))
          } catch (error) {
            put(row, column, { kind: 'failed', note: String(error).split('\n')[0]! })
            throw error
          }
        })
    }
  }
}

function reasonAgainst(row: Row, column: ColumnName): string | undefined {
  if (row.version === 'TLSv1.2' && column.startsWith('update')) return 'TLS 1.2 has no KeyUpdate.'
  return matrixPeers[row.stack].absent?.(row, column)
}

/** A server that is not installed has been put down as such. */
function put(row: Row, column: ColumnName, outcome: Outcome): void {
  const cellsOfRow = (cells[rowId(row)] ??= {})
  if (outcome.kind === 'absent') cellsOfRow[column] ??= outcome
  else cellsOfRow[column] = outcome
}

describe('the matrix', () => {
  it('has no empty cell', () => {
    const empty = rows().flatMap((row) =>
      columnNames.flatMap((column) =>
        cells[rowId(row)]?.[column] === undefined ? [`${rowId(row)} ${column}`] : [],
      ),
    )
    expect(empty).toEqual([])
  })

  it('has the rows and columns that docs/interop.md shows (npm run docs:interop)', () => {
    const document = readFileSync(fileURLToPath(new URL('../../docs/interop.md', import.meta.url)), 'utf8')
    expect(shapeOf(document)).toEqual(expectedShape())
    expect(cellTexts(document).filter((text) => /^(|\?|-|refused|FAILED.*)$/.test(text))).toEqual([])
  })
})

afterAll(() => {
  const result: MatrixResult = {
    software: [
      ['Node.js', process.versions.node],
      ...stackNames
        .filter((stack) => matrixPeers[stack].needs.every(hasPeer))
        .map((stack) => [stacks[stack], peerVersion(matrixPeers[stack].needs[0]!)] as const),
    ],
    cells,
  }
  console.log(`${result.software.map((pair) => pair.join(' ')).join(', ')}\n\n${writeTable(result)}`)
  const file = process.env.UNDERPASS_INTEROP_RESULT
  if (file !== undefined) writeFileSync(file, JSON.stringify(result))
})
