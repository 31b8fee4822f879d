#!/usr/bin/env node
/** The one program: `nami COMMAND ...`. Everything else is loaded when a command needs it. */
import { enableCompileCache } from 'node:module'

enableCompileCache(process.env.NODE_COMPILE_CACHE)
await import('./own-imports.ts')
const { main } = await import('#cli/main.ts')
process.exitCode = await main(process.argv.slice(2))
