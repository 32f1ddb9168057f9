#!/usr/bin/env node
// The command line as a process: its streams, its arguments, its exit status. What it does is program.ts.
import { program } from './program.js'

for (const stream of [process.stdout, process.stderr]) {
  // Whoever reads our output may stop reading: `underpass … | head` is not an error.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
  })
}

process.exitCode = await program(process.argv.slice(2), process)
