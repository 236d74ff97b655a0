#!/usr/bin/env node
const { loadProgram } = require('./program.js');

loadProgram().run();
