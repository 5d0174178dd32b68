using Ganymede.Bench;

// Started by `ganymede bench`, once a member: TEAM INDEX MEMBERS [key=value…]. See Conversation for what is said then.
if (args is not [var team, var index, var members, .. var settings])
{
    Console.Error.WriteLine("usage: Ganymede.Bench reduce|house|pump|step|plain INDEX MEMBERS [key=value…]; './ganymede bench' starts it");
    return 2;
}

var self = int.Parse(index, System.Globalization.CultureInfo.InvariantCulture);
var count = int.Parse(members, System.Globalization.CultureInfo.InvariantCulture);
using ITeamMember member = team switch
{
    "reduce" => new ReducingMember(self, count, settings),
    "house" => new HousedMembers(count, settings),
    "pump" => new PumpingMember(self, count),
    "step" => new SteppingMember(self, count, settings),
    "plain" => new PlainMember(settings),
    _ => throw new ArgumentException($"{team}: reduce, house, pump, step or plain is expected"),
};
Conversation.Run(member);
return 0;
