mod clients;
mod faults;
mod messages;
mod replica;
mod rounds;
mod running;
mod seeds;
mod world;
