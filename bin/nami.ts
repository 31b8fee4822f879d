#!/usr/bin/env node
/** The one program: `nami COMMAND ...`. Everything else is loaded when a command needs it. */
import { enableCompileCache } from 'node:module'
import { bundledMain } from './bundled.ts'

enableCompileCache(process.env.NODE_COMPILE_CACHE)
const argv = process.argv.slice(2)
const bundled = bundledMain(argv)
if (!bundled) await import('./own-imports.ts')
const { main }: typeof import('#cli/main.ts') = await import(bundled ?? '#cli/main.ts')
process.exitCode = await main(argv)
// So that the next start is a quick one. Nobody waits for it.
if (!bundled && argv[0] === 'up' && process.exitCode === 0) (await import('./make-bundle.ts')).makeBundle()
