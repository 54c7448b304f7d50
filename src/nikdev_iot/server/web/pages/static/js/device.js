import "./states.js";
