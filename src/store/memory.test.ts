import { testStore } from './conformance.ts'
import { openMemoryStore } from './memory.ts'

testStore('memory', async ({ clock }) => openMemoryStore({ clock }))
