import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

/** Where systems keep it; CKPT_DOCTOR_CHROMIUM names another. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export interface Browser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** A headless Chromium with an empty profile, that asks the network for nothing on its own account. */
export async function startChromium(): Promise<Browser> {
  const asked = process.env.CKPT_DOCTOR_CHROMIUM;
  const executablePath = asked ?? PLACES.find((place) => existsSync(place));
  if (!executablePath)
    throw new Error(`no Chromium at ${PLACES.join(', ')}: install one, or name it in CKPT_DOCTOR_CHROMIUM`);
  const profile = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width: 1280, height: 900 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
