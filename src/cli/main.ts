#!/usr/bin/env node
// The command line as a process: its streams, its arguments, its exit status. What it does is program.ts.
import { program } from './program.js'

let unread = false
// Whoever reads our output may stop reading: `underpass … | head` is not an error. What runs ends as with SIGTERM, in order:
// others may be in the middle of something in its tunnels. The status is the command's own.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' || unread) return
  unread = true
  process.emit('SIGTERM')
})
// Nobody needs what is said here.
process.stderr.on('error', () => {})

process.exitCode = await program(process.argv.slice(2), process)
