#!/usr/bin/env node
import { loadProgram } from './program.js';

loadProgram().run();
